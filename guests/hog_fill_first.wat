;; Fills the largest memory that there may be: one instruction, which touches each page for the first
;; time. Then it fills it again and again.
;;
;; Args: none. Expect: runs until it is stopped, in time.
(module
  (memory (export "memory") 8192)
  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 0x20000000))
      (br $again))))
