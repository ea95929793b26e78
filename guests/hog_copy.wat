;; Copies 64 MiB over itself, a byte further each time.
;;
;; Args: none. Expect: runs until it is stopped, in time.
(module
  (memory (export "memory") 1025)
  (func (export "_start")
    (loop $again
      (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x4000000))
      (memory.copy (i32.const 0) (i32.const 1) (i32.const 0x4000000))
      (br $again))))
