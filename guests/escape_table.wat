;; Calls through its table a function of another type, as a forged pointer would be.
;;
;; Args: none. Expect: a trap, `indirect call type mismatch`.
(module
  (type $forged (func (param i64 i64 i64) (result i64)))
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $honest)
  (func $honest)
  (func (export "_start")
    (drop (call_indirect (type $forged)
      (i64.const 0x7fff00000000) (i64.const 1) (i64.const 2) (i32.const 0)))))
