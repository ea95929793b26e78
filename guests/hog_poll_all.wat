;; Waits for four thousand million things, for one more than it may, and for as many as it may.
;;
;; Args: none. Expect: the first two refused with EINVAL (28) or a trap; then runs until it is stopped,
;; in time; exit code 1 or 2 when one was not refused.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start") (local $i i32)
    (if (i32.ne (call $poll (i32.const 0) (i32.const 0x18000) (i32.const -1) (i32.const 0x3fff0))
        (i32.const 28))
      (then (call $exit (i32.const 1))))
    (if (i32.ne (call $poll (i32.const 0) (i32.const 0x18000) (i32.const 1025) (i32.const 0x3fff0))
        (i32.const 28))
      (then (call $exit (i32.const 2))))
    ;; 1024 subscriptions of 48 bytes, each to an hour of the monotonic clock.
    (loop $next
      (i32.store offset=16 (local.get $i) (i32.const 1))
      (i64.store offset=24 (local.get $i) (i64.const 3600000000000))
      (local.set $i (i32.add (local.get $i) (i32.const 48)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 49152))))
    (drop (call $poll (i32.const 0) (i32.const 0x18000) (i32.const 1024) (i32.const 0x3fff0)))))
