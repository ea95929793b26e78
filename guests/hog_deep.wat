;; Makes a directory in a directory, and so on, each from the one before it, so that no path is as
;; long as the way there. Then a file at the end of it, which is written to until that fails.
;;
;; Args: none. Expect: exit code 51, `nospc`.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "d")
  ;; One part of 64 KiB.
  (data (i32.const 32) "\00\00\00\00\00\00\01\00")
  (func $open (param $at i32) (param $oflags i32) (param $rights i64) (result i32)
    (local $errno i32)
    (local.set $errno (call $path_open (local.get $at) (i32.const 0) (i32.const 0) (i32.const 1)
      (local.get $oflags) (local.get $rights) (local.get $rights) (i32.const 0)
      (i32.const 16)))
    (if (local.get $errno) (then (call $exit (local.get $errno))))
    (i32.load (i32.const 16)))
  (func (export "_start")
    (local $at i32) (local $next i32) (local $depth i32) (local $errno i32)
    (local.set $at (i32.const 4))
    (loop $deeper
      (local.set $errno (call $mkdir (local.get $at) (i32.const 0) (i32.const 1)))
      (if (local.get $errno) (then (call $exit (local.get $errno))))
      (local.set $next ;; All rights but that to write, which no directory has.
        (call $open (local.get $at) (i32.const 2) (i64.const 0x1fffffbf)))
      (if (i32.ne (local.get $at) (i32.const 4)) (then (drop (call $close (local.get $at)))))
      (local.set $at (local.get $next))
      (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
      (br_if $deeper (i32.lt_u (local.get $depth) (i32.const 5000))))
    (local.set $next (call $open (local.get $at) (i32.const 1) (i64.const 0x1fffffff)))
    (loop $more
      (local.set $errno
        (call $write (local.get $next) (i32.const 32) (i32.const 1) (i32.const 24)))
      (br_if $more (i32.eqz (local.get $errno))))
    (call $exit (local.get $errno))))
