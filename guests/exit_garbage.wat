;; Prints bytes that are no text: every one there is, zero bytes and escape sequences too.
;;
;; Args: none. Expect: the 256 bytes, as they are, and exit code 0.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\01\00\00\00\01\00\00")
  (func (export "_start") (local $i i32)
    (loop $next
      (i32.store8 offset=256 (local.get $i) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 256))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
