;; Sleeps until the end of time: the largest timeout, relative and absolute, of each clock.
;;
;; Args: none. Expect: runs until it is stopped, in time; exit code 1 when a sleep was over.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $sleep (param $clock i32) (param $flags i32)
    (i32.store (i32.const 16) (local.get $clock))
    (i64.store (i32.const 24) (i64.const -1))
    (i32.store16 (i32.const 40) (local.get $flags))
    (if (i32.eqz (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
      (then (call $exit (i32.const 1)))))
  (func (export "_start")
    ;; A process' own clocks there are not, so waiting for them is refused.
    (call $sleep (i32.const 2) (i32.const 0))
    (call $sleep (i32.const 3) (i32.const 1))
    (call $sleep (i32.const 1) (i32.const 1))
    (call $sleep (i32.const 1) (i32.const 0))
    (call $sleep (i32.const 0) (i32.const 0))))
