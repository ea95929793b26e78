;; Follows links for as long as the host would: two that lead to each other, one that leads to
;; itself, and a path of a thousand links that each lead to the folder that they are in.
;;
;; Args: none. Expect: exit code 0, each having been refused; exit code 1 when a path that never ends
;; was found to lead somewhere.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x00) "to")
  (data (i32.const 0x08) "fro")
  (data (i32.const 0x10) "self/x")
  (data (i32.const 0x18) "h")
  (data (i32.const 0x20) ".")
  (func $link (param $target i32) (param $length i32) (param $name i32) (param $its i32)
    (if (call $symlink (local.get $target) (local.get $length) (i32.const 4) (local.get $name)
        (local.get $its))
      (then (call $exit (i32.const 2)))))
  (func $refused (param $path i32) (param $length i32)
    (if (i32.eqz (call $open (i32.const 4) (i32.const 1) (local.get $path) (local.get $length)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))
      (then (call $exit (i32.const 1))))
    (if (i32.eqz (call $stat (i32.const 4) (i32.const 1) (local.get $path) (local.get $length)
        (i32.const 128)))
      (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $at i32)
    (call $link (i32.const 0x00) (i32.const 2) (i32.const 0x08) (i32.const 3))
    (call $link (i32.const 0x08) (i32.const 3) (i32.const 0x00) (i32.const 2))
    (call $link (i32.const 0x10) (i32.const 6) (i32.const 0x10) (i32.const 4))
    (call $link (i32.const 0x20) (i32.const 1) (i32.const 0x18) (i32.const 1))
    (call $refused (i32.const 0x00) (i32.const 2))
    (call $refused (i32.const 0x08) (i32.const 3))
    (call $refused (i32.const 0x10) (i32.const 4))
    (call $refused (i32.const 0x10) (i32.const 6))
    (local.set $at (i32.const 0x400))
    (loop $next
      (i32.store16 (local.get $at) (i32.const 0x2f68)) ;; `h/`
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 0xbd0))))
    (call $refused (i32.const 0x400) (i32.const 2000))))
