;; Prints a mebibyte again and again in one call, from a thousand parts that all are the same one.
;;
;; Args: none. Expect: ended when it has printed as much as it may; no call takes more than 64 KiB;
;; exit code 1 when one did.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 20)
  (func (export "_start") (local $i i32)
    (loop $next
      (i32.store offset=0 (local.get $i) (i32.const 0x10000))
      (i32.store offset=4 (local.get $i) (i32.const 0x100000))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 8192))))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 0xff00)))
      (if (i32.gt_u (i32.load (i32.const 0xff00)) (i32.const 65536))
        (then (call $exit (i32.const 1))))
      (br $again))))
