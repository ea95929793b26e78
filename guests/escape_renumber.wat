;; Moves its descriptors about: over the directories it was given, over each other, and onto numbers
;; that were never given out.
;;
;; Args: none. Expect: exit code 0, a moved directory leading nowhere else; exit code 1 or a higher
;; one for the step that went wrong.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "../secret")
  (data (i32.const 96) "file")
  (func $path_open (param $fd i32) (param $path i32) (param $length i32) (result i32)
    (call $open (local.get $fd) (i32.const 1) (local.get $path) (local.get $length)
      (i32.const 0) (i64.const 2) (i64.const 0x3fffffff) (i32.const 0) (i32.const 16)))
  (func (export "_start")
    (if (i32.ne (call $renumber (i32.const 4) (i32.const 1000)) (i32.const 8))
      (then (call $exit (i32.const 1))))
    (if (i32.ne (call $renumber (i32.const 4) (i32.const -1)) (i32.const 8))
      (then (call $exit (i32.const 2))))
    (if (call $renumber (i32.const 4) (i32.const 4)) (then (call $exit (i32.const 3))))
    ;; /data in place of /dev: the number leads into /data alone.
    (if (call $renumber (i32.const 4) (i32.const 3)) (then (call $exit (i32.const 4))))
    (if (i32.eqz (call $path_open (i32.const 3) (i32.const 64) (i32.const 9)))
      (then (call $exit (i32.const 5))))
    (if (i32.ne (call $path_open (i32.const 4) (i32.const 96) (i32.const 4)) (i32.const 8))
      (then (call $exit (i32.const 6))))
    (if (call $path_open (i32.const 3) (i32.const 96) (i32.const 4))
      (then (call $exit (i32.const 7))))
    ;; The number is free again, and closing twice is an error.
    (if (i32.ne (i32.load (i32.const 16)) (i32.const 4)) (then (call $exit (i32.const 8))))
    (if (call $close (i32.const 4)) (then (call $exit (i32.const 9))))
    (if (i32.ne (call $close (i32.const 4)) (i32.const 8)) (then (call $exit (i32.const 10))))
    ;; All that it had is gone, and nothing takes its place.
    (drop (call $close (i32.const 3)))
    (if (i32.ne (call $path_open (i32.const 3) (i32.const 96) (i32.const 4)) (i32.const 8))
      (then (call $exit (i32.const 11))))))
