;; Has a function whose name is no UTF-8, for whoever prints the backtrace of its trap.
;;
;; Args: none. Expect: a trap, `unreachable`, or refused when it is loaded; never a crash.
(module
  (memory (export "memory") 1)
  (func (export "_start") unreachable)
  (@custom "name" "\01\06\01\00\03\ff\fe\fd"))
