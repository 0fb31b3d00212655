/** Text as it stands, in which `\\${` means `${`. */
function script({ raw }: TemplateStringsArray): string {
  return (raw[0] ?? '').replaceAll('\\${', '${')
}

/** Scripts that make a shell ask `tsbuild __complete` what can stand at the cursor. The answer is `files`, `directories` or `none` on the
 * first line, then a candidate a line, with a tab and its description. */
export const completionScripts = {
  // Bash splits words at ":" and "=", too: they are put together again, and what it splits off is taken off the candidates.
  bash: script`# bash completion for tsbuild: source <(tsbuild completion bash)
_tsbuild() {
  local rest="\${COMP_LINE:0:COMP_POINT}" words=() word cut lines i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if ((i == 0)) || [[ "$rest" == [[:space:]]* ]]; then
      rest="\${rest#"\${rest%%[![:space:]]*}"}"
      words+=("")
    fi
    [[ "$rest" == "$word"* ]] || word="$rest"
    words[\${#words[@]}-1]+="$word"
    rest="\${rest:\${#word}}"
  done
  word="\${words[\${#words[@]}-1]}"
  COMPREPLY=()
  mapfile -t lines < <(tsbuild __complete -- "\${words[@]:1}" 2> /dev/null)
  cut="$word"
  while [[ -n "$cut" && "$COMP_WORDBREAKS" != *"\${cut: -1}"* ]]; do cut="\${cut%?}"; done
  local path="$word"
  [[ "$word" == --*=* ]] && path="\${word#*=}"
  case "\${lines[0]}" in
    files) compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$path") ;;
    directories) compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$path") ;;
  esac
  for word in "\${lines[@]:1}"; do
    word="\${word%%$'\t'*}"
    COMPREPLY+=("\${word#"$cut"}")
  done
}
complete -F _tsbuild tsbuild
`,
  zsh: script`#compdef tsbuild
# zsh completion for tsbuild: source <(tsbuild completion zsh)
_tsbuild() {
  local -a lines candidates
  local line
  lines=("\${(@f)$(tsbuild __complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2> /dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    [[ -n "$line" ]] || continue
    candidates+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}")
  done
  ((\${#candidates})) && _describe -t tsbuild tsbuild candidates
  [[ "$PREFIX" == --*=* ]] && compset -P '*='
  case "$lines[1]" in
    files) _files ;;
    directories) _files -/ ;;
  esac
}
if [[ "\${funcstack[1]}" == _tsbuild ]]; then _tsbuild "$@"; else compdef _tsbuild tsbuild; fi
`,
  fish: script`# fish completion for tsbuild: tsbuild completion fish | source
function __tsbuild_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l current (commandline -ct)
    set -l lines (tsbuild __complete -- $words "$current" 2> /dev/null)
    set -l flag (string match -r -- '^--[^=]*=' "$current")
    set -l path (string replace -r -- '^--[^=]*=' '' "$current")
    switch "$lines[1]"
        case files
            printf "$flag%s\n" (__fish_complete_path "$path")
        case directories
            printf "$flag%s\n" (__fish_complete_directories "$path" '')
    end
    set -e lines[1]
    printf '%s\n' $lines
end
complete -c tsbuild -f -a '(__tsbuild_complete)'
`,
} as const
