;; Floods its termination log, which is kept in memory.
;;
;; Args: none. Expect: exit code 0, the last 4096 bytes being kept: `y` all of them.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "termination-log")
  (func (export "_start") (local $i i32)
    (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 15) (i32.const 0)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16))
      (then (call $exit (i32.const 1))))
    (i32.store (i32.const 32) (i32.const 0x10000))
    (i32.store (i32.const 36) (i32.const 0x10000))
    (memory.fill (i32.const 0x10000) (i32.const 0x79) (i32.const 0x10000))
    (loop $again
      (if (call $write (i32.load (i32.const 16)) (i32.const 32) (i32.const 1) (i32.const 40))
        (then (call $exit (i32.const 2))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 2000))))))
