;; Prints from lists of buffers that lie out of its memory, or whose parts do.
;;
;; Args: none. Expect: a trap, or exit code 0, and nothing printed.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\ff\ff\00\00\10\00\00\00") ;; the last byte and 15 beyond
  (data (i32.const 8) "\00\00\00\ff\ff\ff\ff\ff")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))
    (drop (call $write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 32)))
    (drop (call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 32)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 32)))))
