/* models/cancellation/forward_canceller.wdf by hand. A process for each callback, OnRead and OnDone for each request, for
   the driver's thread, and for the sender and the target of each request. A callback's first step is the one by which
   the framework starts it.

   spin -a -DN=3 forward_canceller.pml; gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c; ./pan -m1000000
   With -DBROKEN the thread takes no reference, as in forward_canceller_stale.wdf. */

#ifndef N
#define N 2    /* requests */
#endif

mtype = { none, driver, sent, target_done, done };
mtype:status = { success, unsuccessful, cancelled };

mtype own[N] = none;
mtype:status result[N] = success;
bool irp_cancel[N];
bool canceled[N];       /* the framework's own mark */
bool formatted[N];
bool notified[N];       /* OnDone is registered */
byte refs[N];
bool in_sent[N];        /* the driver's set */
bool lock;
byte running;           /* callbacks, and the thread while it is in its loop */

#define acquire atomic { !lock -> lock = true }
#define release lock = false
#define exists(r) (own[r] != none && own[r] != done)
#define alive(r) (exists(r) || refs[r] > 0)
#define driver_has(r) (own[r] == driver)

inline begins() { running++ }

/* When no driver code runs, no variable refers to a request that is gone. */
inline returns() {
    d_step {
        running--;
        k = 0;
        do
        :: k < N -> assert(running > 0 || !in_sent[k] || alive(k)); k++
        :: else -> break
        od;
        k = 0
    }
}

/* r: any of the set, N if there is none. */
inline any_sent(r) {
    atomic {
        r = N;
        k = 0;
        do
        :: k < N && in_sent[k] -> r = k; k++
        :: k < N && (!in_sent[k] || r != N) -> k++
        :: k == N -> break
        od;
        k = 0
    }
}

inline send(r, accepted) {
    d_step {
        assert(driver_has(r) && formatted[r]);
        if
        :: !notified[r] -> accepted = false
        :: else ->
            if
            :: canceled[r] -> accepted = false
            :: else -> formatted[r] = false; own[r] = sent; accepted = true
            fi
        fi;
        if
        :: !accepted -> result[r] = cancelled
        :: else
        fi
    }
}

/* WdfRequestGetStatus; what it returns goes to the sender and decides nothing. */
inline get_status(r) { assert(exists(r)) }

inline complete(r) {
    d_step {
        assert(driver_has(r));
        own[r] = done;
        irp_cancel[r] = false;
        canceled[r] = false;
        formatted[r] = false;
        notified[r] = false;
        result[r] = success
    }
}

inline cancel_sent(r) {
    d_step {
        assert(alive(r));
        if
        :: own[r] == done
        :: else ->
            canceled[r] = true;
            if
            :: own[r] == sent -> irp_cancel[r] = true
            :: else
            fi
        fi
    }
}

/* The driver's helper Finish. */
inline finish(r) {
    acquire;
    in_sent[r] = false;
    release;
    get_status(r);
    complete(r)
}

proctype Sender(byte r) {
end_content:
    d_step { exists(r) && !irp_cancel[r] -> irp_cancel[r] = true }
}

proctype Target(byte r) {
end_nothing_sent:
    atomic {
        own[r] == sent ->
        if
        :: result[r] = success
        :: result[r] = unsuccessful
        :: irp_cancel[r] -> result[r] = cancelled
        fi;
        own[r] = target_done
    }
}

proctype OnRead(byte r) {
    bool accepted;
    byte k;
    d_step { own[r] = driver; begins() }
    d_step { assert(driver_has(r)); formatted[r] = true }
    d_step { assert(driver_has(r)); notified[r] = true }
    acquire;
    d_step { assert(alive(r)); in_sent[r] = true }
    release;
    send(r, accepted);
    if
    :: !accepted -> finish(r)
    :: else
    fi;
    returns()
}

proctype OnDone(byte r) {
    byte k;
end_not_done:
    d_step { own[r] == target_done -> own[r] = driver; notified[r] = false; begins() }
    finish(r);
    returns()
}

proctype Canceller() {
    byte r, k;
end_waits:
    do
    :: atomic { !lock -> lock = true; begins() }
        any_sent(r);
#ifndef BROKEN
        if
        :: r != N -> d_step { assert(alive(r) && refs[r] < 2); refs[r]++ }
        :: else
        fi;
#endif
        release;
        if
        :: r != N ->
            cancel_sent(r);
#ifndef BROKEN
            d_step { assert(refs[r] > 0); refs[r]-- }
#endif
        :: else
        fi;
        r = 0;
        returns()
    od
}

init {
    byte r;
    atomic {
        do
        :: r < N -> run Sender(r); run Target(r); run OnRead(r); run OnDone(r); r++
        :: else -> break
        od;
        run Canceller()
    }
}
