/** Farther than this many edits nobody meant it. */
const maxDistance = 2

export interface SuggestOptions {
  /** Default true. When false, the suggestion takes the case of the word where that has one case only. */
  readonly caseSensitive?: boolean
}

/** The nearest candidate by Levenshtein distance, at most two edits away; the first of equals.
 * `undefined` too where the word itself is a candidate: then it was not the spelling. */
export function suggest(word: string, candidates: Iterable<string>, options: SuggestOptions = {}): string | undefined {
  const sensitive = options.caseSensitive ?? true
  const wanted = sensitive ? word : word.toLowerCase()
  let best: string | undefined
  let least = maxDistance + 1
  for (const candidate of candidates) {
    const offered = sensitive ? candidate : candidate.toLowerCase()
    if (offered === wanted) return undefined
    const distance = levenshtein(wanted, offered, least)
    if (distance >= least) continue
    least = distance
    best = offered
  }
  return best === undefined || sensitive ? best : inCaseOf(word, best)
}

/** The message with ` (did you mean …?)` behind it, where there is something to suggest. */
export function withSuggestion(
  message: string,
  word: string,
  candidates: Iterable<string>,
  options?: SuggestOptions,
): string {
  const found = suggest(word, candidates, options)
  return found === undefined || found === '' ? message : `${message} (did you mean ${found}?)`
}

function inCaseOf(word: string, suggestion: string): string {
  return word !== word.toLowerCase() && word === word.toUpperCase() ? suggestion.toUpperCase() : suggestion
}

/** Edits between two words, or `limit` as soon as it can't be less. */
function levenshtein(a: string, b: string, limit: number): number {
  const left = [...a]
  const right = [...b]
  if (Math.abs(left.length - right.length) >= limit) return limit
  let row = right.map((_, index) => index + 1)
  for (const [i, char] of left.entries()) {
    let diagonal = i
    let before = i + 1
    let least = before
    row = row.map((above, j) => {
      const cell = char === right[j] ? diagonal : Math.min(diagonal, above, before) + 1
      diagonal = above
      before = cell
      least = Math.min(least, cell)
      return cell
    })
    if (least >= limit) return limit
  }
  return row.at(-1) ?? left.length
}
