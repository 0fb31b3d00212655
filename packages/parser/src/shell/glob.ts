import { ParseError } from '../errors.js'

/** One step of a pattern: a literal character, any character but a line break, or any number of those. */
type Step = { readonly kind: 'char'; readonly char: string } | { readonly kind: 'any' } | { readonly kind: 'star' }

/** The pattern of `${name#pattern}`, `%` and `/`: `*`, `?` and escapes, no brackets.
 * @throws {ParseError} `EXPANSION_FAILED` for another escape than `\*`, `\?`, `\\`, `\}` and `\/` */
function compileGlob(pattern: string): readonly Step[] {
  const chars = [...pattern]
  const steps: Step[] = []
  for (let i = 0; i < chars.length; i++) {
    let char = chars[i] as string
    if (char === '*') steps.push({ kind: 'star' })
    else if (char === '?') steps.push({ kind: 'any' })
    else {
      if (char === '\\') {
        char = chars[++i] ?? ''
        if (!['*', '?', '\\', '}', '/'].includes(char)) {
          throw new ParseError(
            'EXPANSION_FAILED',
            `invalid pattern (${pattern}) in substitution: invalid escape '\\${char}'`,
          )
        }
      }
      steps.push({ kind: 'char', char })
    }
  }
  return steps
}

/** How far from `start` the pattern reaches, in characters; `reachedStar` tells that a `*` was passed before it failed. */
function matchFrom(
  steps: readonly Step[],
  value: readonly string[],
  start: number,
  greedy: boolean,
): { readonly end?: number; readonly reachedStar: boolean } {
  let states = closure(steps, new Set([0]))
  let reachedStar = false
  let end: number | undefined
  for (let at = start; ; at++) {
    if (states.has(steps.length)) {
      end = at
      if (!greedy) break
    }
    if (states.size === 0 || at >= value.length) break
    const next = new Set<number>()
    const char = value[at] as string
    for (const state of states) {
      const step = steps[state]
      if (step === undefined) continue
      if (step.kind === 'star') {
        reachedStar = true
        if (char !== '\n') next.add(state)
      } else if (step.kind === 'any' ? char !== '\n' : step.char === char) next.add(state + 1)
    }
    states = closure(steps, next)
  }
  return { ...(end === undefined ? {} : { end }), reachedStar }
}

function closure(steps: readonly Step[], states: Set<number>): Set<number> {
  for (const state of states) if (steps[state]?.kind === 'star') states.add(state + 1)
  return states
}

/** What is left of `value` without the shortest or longest prefix that matches. */
export function trimPrefix(pattern: string, value: string, greedy: boolean): string {
  const chars = [...value]
  const { end } = matchFrom(compileGlob(pattern), chars, 0, greedy)
  return end === undefined ? value : chars.slice(end).join('')
}

/** The same at the other end. */
export function trimSuffix(pattern: string, value: string, greedy: boolean): string {
  const chars = [...value].reverse()
  const steps = [...compileGlob(pattern)].reverse()
  const { end } = matchFrom(steps, chars, 0, greedy)
  return end === undefined ? value : chars.slice(end).reverse().join('')
}

/** Replaces the first match (the longest at its place), or all of them. */
export function replaceGlob(pattern: string, value: string, replacement: string, all: boolean): string {
  const steps = compileGlob(pattern)
  const chars = [...value]
  let out = ''
  let copied = 0
  let at = 0
  let previousEnd = -1
  while (at <= chars.length) {
    const { end, reachedStar } = matchFrom(steps, chars, at, true)
    if (end === undefined) {
      // Behind a `*` a later start on the same line can't do better, so the search stays linear.
      at = reachedStar ? lineEnd(chars, at) : at + 1
      continue
    }
    if (end > at || at !== previousEnd) {
      const matched = chars.slice(at, end).join('')
      out += chars.slice(copied, at).join('') + (all ? fillTemplate(replacement, matched) : replacement)
      copied = end
      previousEnd = end
      if (!all) break
    }
    at = end > at ? end : at + 1
  }
  return out + chars.slice(copied).join('')
}

function lineEnd(chars: readonly string[], from: number): number {
  const at = chars.indexOf('\n', from)
  return at < 0 ? chars.length + 1 : at + 1
}

/** `//` takes `$0`, `$name` and `$$` in the replacement as Go's regexp does; there are no groups but the whole match. */
function fillTemplate(template: string, matched: string): string {
  return template.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (text, braced?: string, plain?: string) => {
    if (text === '$$') return '$'
    return (braced ?? plain) === '0' ? matched : ''
  })
}
