;; Has several memories, and grows them in turn.
;;
;; Args: none. Expect: ended when all together reach its memory limit; exit code 1 when growing fails
;; first.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory $a (export "memory") 1)
  (memory $b 1)
  (memory $c 1)
  (memory $d 1)
  (func $grown (param $pages i32)
    (if (i32.eq (local.get $pages) (i32.const -1)) (then (call $exit (i32.const 1)))))
  (func (export "_start")
    (loop $again
      (call $grown (memory.grow $a (i32.const 1)))
      (call $grown (memory.grow $b (i32.const 1)))
      (call $grown (memory.grow $c (i32.const 1)))
      (call $grown (memory.grow $d (i32.const 1)))
      (br $again))))
