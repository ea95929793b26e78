;; Names files with bytes that are not UTF-8, and with zero bytes that end a name early for the host.
;;
;; Args: none. Expect: exit code 0, no such name having been opened or made; exit code 1 when one was.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink"
    (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0x00) "\ff\fe\fd\fc\80\80\80\80")
  (data (i32.const 0x08) "file\00\00\00\00")
  (data (i32.const 0x10) "file\00/..")
  (data (i32.const 0x18) "\c0\ae\c0\ae/x") ;; an overlong `..`
  (data (i32.const 0x20) "\ed\a0\80\ed\b0\80xx") ;; surrogates
  (data (i32.const 0x28) "\f4\90\80\80xxxx") ;; beyond Unicode
  (data (i32.const 0x30) "\00\00\00\00\00\00\00\00")
  (func $refused (param $errno i32)
    (if (i32.eqz (local.get $errno)) (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $path i32)
    (loop $next
      (call $refused (call $open (i32.const 4) (i32.const 1) (local.get $path) (i32.const 8)
        (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 256)))
      (call $refused (call $open (i32.const 4) (i32.const 1) (local.get $path) (i32.const 8)
        (i32.const 1) (i64.const 66) (i64.const 0) (i32.const 0) (i32.const 256)))
      (call $refused (call $mkdir (i32.const 4) (local.get $path) (i32.const 8)))
      (call $refused (call $symlink (local.get $path) (i32.const 8) (i32.const 4)
        (local.get $path) (i32.const 8)))
      (local.set $path (i32.add (local.get $path) (i32.const 8)))
      (br_if $next (i32.le_u (local.get $path) (i32.const 0x30))))))
