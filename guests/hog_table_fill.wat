;; Fills and copies a table of four million elements, again and again.
;;
;; Args: none. Expect: runs until it is stopped, in time.
(module
  (memory (export "memory") 1)
  (table $table 4000000 funcref)
  (elem declare func $self)
  (func $self)
  (func (export "_start")
    (loop $again
      (table.fill $table (i32.const 0) (ref.func $self) (i32.const 4000000))
      (table.copy (i32.const 1) (i32.const 0) (i32.const 3999999))
      (br $again))))
