;; Asks for clocks that there are not, with every precision, and for those that there are for ever.
;;
;; Args: none. Expect: the first refused; then runs until it is stopped, in time; exit code 1 when one
;; was not refused, 2 when the monotonic clock went backwards.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_res_get" (func $resolution (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $refused (param $errno i32)
    (if (i32.eqz (local.get $errno)) (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $last i64)
    (call $refused (call $time (i32.const 2) (i64.const 0) (i32.const 0)))
    (call $refused (call $time (i32.const 3) (i64.const -1) (i32.const 0)))
    (call $refused (call $resolution (i32.const 2) (i32.const 0)))
    (loop $again
      (drop (call $time (i32.const 0) (i64.const -1) (i32.const 0)))
      (drop (call $time (i32.const 1) (i64.const 0) (i32.const 8)))
      (if (i64.lt_u (i64.load (i32.const 8)) (local.get $last))
        (then (call $exit (i32.const 2))))
      (local.set $last (i64.load (i32.const 8)))
      (br $again))))
