;; Recurses with frames of hundreds of values, so that few calls take much of the stack.
;;
;; Args: none. Expect: a trap, `call stack exhausted`.
(module
  (memory (export "memory") 1)
  (func $deep (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (result i64 i64 i64 i64 i64 i64 i64 i64)
    (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    (i64.store (i32.const 0) (i64.add (local.get 0) (local.get 15)))
    (call $deep
      (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
      (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11) (local.get 12)
      (local.get 13) (local.get 14) (local.get 15) (i64.load (i32.const 0)))
    (i64.store (i32.const 8) (local.get 0)))
  (func (export "_start")
    (call $deep
      (i64.const 0) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)
      (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (i64.const 11)
      (i64.const 12) (i64.const 13) (i64.const 14) (i64.const 15))
    drop drop drop drop drop drop drop drop))
