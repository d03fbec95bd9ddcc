/* models/seeds/split_parallel.wdf by hand. A process for each callback, OnWrite for each request and OnPieceDone for each
   created one, for the sender of each request, and for the target. A callback's first step is the one by which the
   framework starts it. The target refuses only requests that were cancelled, and nobody cancels created ones: a send
   succeeds.

   spin -a -DN=3 split_parallel.pml; gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c; ./pan -m1000000
   With -DBROKEN the handler keeps no count of its own, as in split_parallel_no_bias.wdf. */

#ifndef N
#define N 2    /* requests */
#endif
#define PIECES 2
#define CHILDREN (PIECES * N)

mtype = { none, queued, driver, sent, target_done, done };

mtype own[N] = none;
bool irp_cancel[N];
byte held;              /* requests of the queue that the driver has; it is sequential: one at most */
byte outstanding[N];
bool failed[N];

/* Created requests: those of request r are PIECES * r and what follows it. */
mtype child_own[CHILDREN] = none;
bool formatted[CHILDREN];
bool notified[CHILDREN];    /* OnPieceDone is registered */
bool borrows[CHILDREN];     /* it is formatted with the memory of its parent */
bool child_failed[CHILDREN];
bool in_routine[CHILDREN];

#define alive(r) (own[r] == queued || own[r] == driver)
#define child_alive(c) (child_own[c] != none && child_own[c] != done)
#define at_target(c) (child_own[c] == sent || child_own[c] == target_done)
#define unused(c) (!child_alive(c) && !in_routine[c])

inline complete(r) {
    d_step {
        assert(own[r] == driver);
        k = PIECES * r;
        do
        :: k < PIECES * r + PIECES -> assert(!borrows[k] && !at_target(k)); k++
        :: else -> break
        od;
        k = 0;
        own[r] = done;
        held--;
        irp_cancel[r] = false
    }
}

inline fail(r) { d_step { assert(alive(r)); failed[r] = true } }

inline drop(r) {
    d_step {
        assert(alive(r));
        outstanding[r] = (outstanding[r] - 1) & 3;
        last = outstanding[r] == 0
    }
    if
    :: last -> complete(r)
    :: else
    fi;
    last = false
}

inline delete(c) {
    d_step {
        assert(child_own[c] == driver);
        child_own[c] = done;
        formatted[c] = false;
        notified[c] = false;
        borrows[c] = false;
        child_failed[c] = false
    }
}

/* Any unused child of the request. */
inline create(r, c) {
    atomic {
        assert(unused(PIECES * r) || unused(PIECES * r + 1));
        if
        :: unused(PIECES * r) -> c = PIECES * r
        :: unused(PIECES * r + 1) -> c = PIECES * r + 1
        fi;
        child_own[c] = driver
    }
}

inline start_piece(r, c) {
    if
    :: true -> fail(r)                                      /* WdfRequestCreate fails */
    :: true ->
        create(r, c);
        assert(child_alive(c));                             /* child.Parent = parent */
        if
        :: true -> fail(r); delete(c)                       /* it cannot be formatted */
        :: true ->
            d_step { assert(child_own[c] == driver); formatted[c] = true; borrows[c] = true }
            d_step { assert(child_own[c] == driver); notified[c] = true }
            d_step { assert(alive(r)); outstanding[r]++; assert(outstanding[r] <= 3) }
            d_step { assert(child_own[c] == driver && formatted[c]); formatted[c] = false; child_own[c] = sent }
        fi;
        c = 0
    fi
}

proctype Sender(byte r) {
    own[r] = queued;
end_content:
    d_step {
        alive(r) && !irp_cancel[r] ->
        if
        :: own[r] == queued -> own[r] = done
        :: else -> irp_cancel[r] = true
        fi
    }
}

proctype Target(byte c) {
end_nothing_sent:
    do
    :: atomic {
        child_own[c] == sent ->
        if
        :: child_failed[c] = true
        :: child_failed[c] = false
        fi;
        child_own[c] = target_done
    }
    od
}

proctype OnWrite(byte r) {
    byte c, k;
    bool last;
end_not_presented:
    d_step { own[r] == queued && held == 0 -> own[r] = driver; held++ }
    if
    :: true -> complete(r)                                  /* WdfRequestRetrieveInputMemory fails */
    :: true ->
#ifdef BROKEN
        d_step { assert(alive(r)); outstanding[r] = 0 }
#else
        d_step { assert(alive(r)); outstanding[r] = 1 }
#endif
        start_piece(r, c);
        start_piece(r, c);
#ifndef BROKEN
        drop(r)
#endif
    fi
}

proctype OnPieceDone(byte c) {
    byte parent = c / PIECES;
    byte k;
    bool last;
end_not_done:
    do
    :: d_step {
            child_own[c] == target_done && notified[c] ->
            child_own[c] = driver;
            notified[c] = false;
            in_routine[c] = true
        }
        assert(child_own[c] == driver);                     /* WdfRequestGetStatus */
        if
        :: child_failed[c] -> fail(parent)
        :: else
        fi;
        delete(c);
        drop(parent);
        in_routine[c] = false
    od
}

init {
    byte r;
    atomic {
        do
        :: r < N -> run Sender(r); run OnWrite(r); r++
        :: else -> break
        od;
        r = 0;
        do
        :: r < PIECES * N -> run Target(r); run OnPieceDone(r); r++
        :: else -> break
        od;
        r = 0
    }
}
