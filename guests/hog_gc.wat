;; Makes garbage-collected objects, each of which holds on to the one before.
;;
;; Args: none. Expect: ended when its memory limit is reached.
(module
  (type $bytes (array (mut i8)))
  (type $node (struct (field (ref null $node)) (field (ref $bytes))))
  (memory (export "memory") 1)
  (func (export "_start") (local $last (ref null $node))
    (loop $again
      (local.set $last (struct.new $node
        (local.get $last)
        (array.new $bytes (i32.const 1) (i32.const 4096))))
      (br $again))))
