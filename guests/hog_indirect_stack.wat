;; Recurses through its table, where no compiler can see it.
;;
;; Args: none. Expect: a trap, `call stack exhausted`.
(module
  (memory (export "memory") 1)
  (type $nothing (func))
  (table 1 funcref)
  (elem (i32.const 0) $self)
  (func $self (call_indirect (type $nothing) (i32.const 0)) (i32.store (i32.const 0) (i32.const 1)))
  (func (export "_start") (call $self)))
