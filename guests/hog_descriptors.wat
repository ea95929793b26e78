;; Opens the directory that it was given, in itself, until it may not, and lets go of all at the end.
;;
;; Args: none. Expect: the exit code is the number that could be opened.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) ".")
  (func (export "_start") (local $opened i32)
    (i32.store (i32.const 16) (i32.const 4))
    (block $full
      (loop $again
        (br_if $full (call $open (i32.load (i32.const 16)) (i32.const 0) (i32.const 0)
          (i32.const 1) (i32.const 2) (i64.const 0x6000) (i64.const 0x3fffffff) (i32.const 0)
          (i32.const 16)))
        (local.set $opened (i32.add (local.get $opened) (i32.const 1)))
        (br $again)))
    (call $exit (local.get $opened))))
