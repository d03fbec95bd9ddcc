/* models/cancellation/pending_read.wdf by hand. A process for each callback, OnRead and OnCancel for each request, and
   for each sender. A callback's first step is the one by which the framework starts it.

   spin -a -DN=3 pending_read.pml; gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c; ./pan -m1000000
   With -DBROKEN there is no lock, as in pending_read_no_lock.wdf. */

#ifndef N
#define N 2    /* requests */
#endif

mtype = { none, driver, cancelable, cancel_owed, cancel_run, done };

mtype own[N] = none;
bool irp_cancel[N];
bool pending[N];    /* the driver's set */
bool lock;
bool dpc_queued;
byte running;       /* callbacks */

#define alive(r) (own[r] != none && own[r] != done)

#ifdef BROKEN
#define acquire skip
#define release skip
#else
#define acquire atomic { !lock -> lock = true }
#define release lock = false
#endif

inline begins() { running++ }

/* When no callback runs, no variable refers to a request that is gone. */
inline returns() {
    d_step {
        running--;
        k = 0;
        do
        :: k < N -> assert(running > 0 || !pending[k] || alive(k)); k++
        :: else -> break
        od;
        k = 0
    }
}

/* r: any of the set, N if there is none. */
inline any_pending(r) {
    atomic {
        r = N;
        k = 0;
        do
        :: k < N && pending[k] -> r = k; k++
        :: k < N && (!pending[k] || r != N) -> k++
        :: k == N -> break
        od;
        k = 0
    }
}

inline mark(r, success) {
    d_step {
        assert(own[r] == driver);
        if
        :: irp_cancel[r] -> success = false
        :: else -> own[r] = cancelable; success = true
        fi
    }
}

inline unmark(r, success) {
    d_step {
        assert(own[r] == cancelable || own[r] == cancel_owed || own[r] == cancel_run);
        if
        :: own[r] == cancelable -> own[r] = driver; success = true
        :: else -> success = false
        fi
    }
}

inline complete(r) {
    d_step {
        assert(own[r] == driver || own[r] == cancel_run);
        own[r] = done;
        irp_cancel[r] = false
    }
}

proctype Sender(byte r) {
end_content:
    d_step {
        alive(r) && !irp_cancel[r] ->
        irp_cancel[r] = true;
        if
        :: own[r] == cancelable -> own[r] = cancel_owed
        :: else
        fi
    }
}

proctype OnRead(byte r) {
    bool success;
    byte k;
    d_step { own[r] = driver; begins() }
    acquire;
    mark(r, success);
    if
    :: success -> d_step { assert(alive(r)); pending[r] = true }
    :: else
    fi;
    release;
    if
    :: !success -> complete(r)
    :: else
    fi;
    returns()
}

proctype OnCancel(byte r) {
    byte k;
end_not_cancelled:
    d_step { own[r] == cancel_owed -> own[r] = cancel_run; begins() }
    acquire;
    pending[r] = false;
    release;
    complete(r);
    returns()
}

proctype OnIsr() {
    byte k;
end_silent:
    do
    :: begins(); dpc_queued = true; returns()
    od
}

proctype OnDpc() {
    byte r, k;
    bool success;
end_not_queued:
    do
    :: d_step { dpc_queued -> dpc_queued = false; begins() }
        acquire;
        any_pending(r);
        if
        :: r != N ->
            d_step { assert(alive(r)); pending[r] = false }
            unmark(r, success);
            if
            :: !success -> r = N
            :: else
            fi
        :: else
        fi;
        release;
        if
        :: r != N -> complete(r)
        :: else
        fi;
        d_step { r = 0; success = false }
        returns()
    od
}

init {
    byte r;
    atomic {
        do
        :: r < N -> run Sender(r); run OnRead(r); run OnCancel(r); r++
        :: else -> break
        od;
        run OnIsr();
        run OnDpc();
        run OnDpc()     /* two runs may overlap */
    }
}
