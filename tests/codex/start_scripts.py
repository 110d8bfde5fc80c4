"""Start files as people have them: (shells that take them, script). The key's variable is K; ~/env, ~/key and ~/keys.d are there."""

from __future__ import annotations

from pathlib import Path

POSIX = ("bash", "zsh", "sh")
SCRIPTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (POSIX, "export K=jt_plain"),
    (POSIX, "K=jt_not_exported"),
    (POSIX, "K=jt_later\nexport K"),
    (POSIX, "export K\nK=jt_before"),
    (POSIX, "export K='jt with blanks' # a comment"),
    (POSIX, 'export K="jt_\\"quoted\\""'),
    (POSIX, "export K=jt_a; export K=jt_b"),
    (POSIX, "export K=jt_gone; unset K"),
    (POSIX, "case $- in\n  *i*) ;;\n    *) return;;\nesac\nexport K=jt_interactive"),
    (POSIX, '[ -z "$PS1" ] && return\nexport K=jt_interactive'),
    (("bash", "zsh"), "[[ $- != *i* ]] && return\nexport K=jt_interactive"),
    (POSIX, "if [ -f ~/env ]; then\n  . ~/env\nfi"),
    (POSIX, 'test -r "$HOME/env" && . "$HOME/env"'),
    (POSIX, "[ -f ~/nothing ] && . ~/nothing || export K=jt_else"),
    (POSIX, 'for one in "$HOME"/keys.d/*.sh; do\n  [ -r "$one" ] && . "$one"\ndone'),
    (POSIX, "set -a\n. ~/env\nset +a\nL=x"),
    (POSIX, "export K=$(cat ~/key)"),
    (POSIX, 'export K="$(printf jt_computed)"'),
    (POSIX, "export A=jt_\nexport K=${A}x${B:-y}${A:+z}"),
    (POSIX, "cat >/dev/null <<EOF\nexport K=jt_in_a_heredoc\nEOF\n"),
    (POSIX, "echo x | export K=jt_in_a_pipe"),
    (POSIX, "export K=jt_first_in_a_pipe | cat"),
    (POSIX, "(export K=jt_in_a_subshell)"),
    (POSIX, "printf '' >/dev/null && return\nexport K=jt_behind_a_return"),
    (POSIX, "grep -q nothing ~/key && return\nexport K=jt_after_a_return_that_was_not"),
    (POSIX, "set_key() { export K=jt_by_function; }\nset_key"),
    (POSIX, "never_called() { export K=jt_never; }"),
    (POSIX, "if command -v no-such-program >/dev/null 2>&1; then\n  export K=jt_a\nelse\n  export K=jt_b\nfi"),
    (POSIX, "if true && ! false; then export K=jt_a; elif true; then export K=jt_b; else export K=jt_c; fi"),
    (POSIX, 'case "$HOME" in /nowhere/*) export K=jt_a;; *) export K=jt_b;; esac'),
    (POSIX, "export K=jt_a && \\\n  export L=jt_b"),
    (POSIX, "{ export K=jt_group; }"),
    (POSIX, 'eval "$(echo export K=jt_by_eval)"'),
    (POSIX, "while read -r line; do export K=$line; done < ~/key"),
    (POSIX, "K=jt_for_one_command true"),
    (("bash", "zsh"), "export K=$'jt_\\x41'"),
    (("bash", "zsh"), "declare -x K=jt_declared"),
    (("bash", "zsh"), "K=jt_; K+=more; export K"),
    (("bash", "zsh"), "list=(a b)\nexport K=jt_after_a_list"),
    (("bash", "zsh"), "if [[ -n $NOTHING || -r ~/env ]]; then source ~/env; fi"),
    (("zsh",), "mkcd() { mkdir -p $1 && cd $1 }\nexport K=jt_zsh"),
    (("zsh",), "typeset -gx K=jt_zsh"),
    (("zsh",), "path=(~/bin $path)\nautoload -Uz compinit\nexport K=jt_zsh"),
    (("bash",), "shopt -q login_shell && export K=jt_login"),
    (("fish",), "set -gx K jt_fish"),
    (("fish",), "set -g K jt_not_exported"),
    (("fish",), "set K jt_a\nset -x K jt_b"),
    (("fish",), "export K=jt_exported"),
    (("fish",), "if status is-interactive\n  set -gx K jt_interactive\nend"),
    (("fish",), "if test -f ~/env.fish\n  source ~/env.fish\nelse\n  set -gx K jt_else\nend"),
    (("fish",), "set -gx K (cat ~/key)"),
    (("fish",), "set -gx K 'jt a' # a comment"),
    (("fish",), 'set -gx A jt_\nset -gx K "$A"x'),
    (("fish",), "function never\n  set -gx K jt_never\nend"),
    (("fish",), "set -q NOTHING; or set -gx K jt_or"),
    (("fish",), "set -gx K jt_a; set -e K"),
    (("fish",), "begin\n  set -gx K jt_begin\nend"),
)  # fmt: skip


def lay_home(home: Path) -> None:
    """What the scripts read."""
    (home / "keys.d").mkdir(parents=True)
    (home / "key").write_text("jt_of_a_file\n")
    (home / "env").write_text("export K=jt_of_env\n")
    (home / "env.fish").write_text("set -gx K jt_of_env\n")
    (home / "keys.d/a.sh").write_text("export K=jt_of_a_loop\n")
