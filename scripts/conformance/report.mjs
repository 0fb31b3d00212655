import { isDeepStrictEqual } from 'node:util'

/** Collects the results of one area: passed, failed, skipped and differing for a known reason. */
export class Area {
  passed = 0
  failed = []
  skipped = []
  known = []
  /** Known differences that are none any more. */
  stale = []

  constructor(name, differences = {}) {
    this.name = name
    this.differences = differences
  }

  /** Runs one case; `body` throws or returns when all is well. May be async. */
  async case(id, body) {
    try {
      await body()
      this.passed++
      if (Object.hasOwn(this.differences, id)) this.stale.push(id)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const known = Object.hasOwn(this.differences, id) ? this.differences[id] : undefined
      if (known !== undefined && explains(known, reason)) this.known.push({ id, reason: known.reason ?? known })
      else this.failed.push({ id, reason })
    }
  }

  skip(id, reason) {
    this.skipped.push({ id, reason })
  }
}

/** A known difference is a reason, or `{ reason, lines }`: then each line of the failure must match one of those patterns. */
function explains(known, failure) {
  if (typeof known === 'string') return true
  return failure.split('\n').every((line) => known.lines.some((pattern) => new RegExp(pattern).test(line)))
}

/** Throws with both values when they differ. */
export function same(actual, expected, what = 'result') {
  if (isDeepStrictEqual(normal(actual), normal(expected))) return
  throw new Error(`${what}: got ${show(actual)}, expected ${show(expected)}`)
}

/** Runs `body`, which must fail; the message must contain `text`. */
export function fails(body, text = '') {
  let value
  try {
    value = body()
  } catch (error) {
    if (error.name !== 'ParseError') throw new Error(`threw ${error.name}: ${error.message}`)
    const message = String(error.message)
    if (message.toLowerCase().includes(String(text).toLowerCase())) return
    throw new Error(`error: got ${show(message)}, expected ${show(text)}`)
  }
  throw new Error(`no error, but ${show(value)}; expected ${show(text)}`)
}

function normal(value) {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

function show(value) {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 700 ? `${text.slice(0, 700)}…` : text
}

/** Prints an area and says whether it is as expected. */
export function print(area, verbose) {
  const { passed, failed, skipped, known } = area
  const line = [
    `${area.name.padEnd(13)}${String(passed).padStart(5)} passed`,
    `${failed.length} failed`,
    `${skipped.length} skipped`,
    ...(known.length > 0 ? [`${known.length} differ for a known reason`] : []),
  ]
  console.log(line.join(', '))
  for (const { id, reason } of failed) console.log(`  FAIL ${id}: ${reason}`)
  for (const { id, reason } of skipped) console.log(`  SKIP ${id}: ${reason}`)
  for (const id of area.stale)
    console.log(`  STALE ${id}: it does not differ any more; take it off known-differences.json`)
  if (verbose) for (const { id, reason } of known) console.log(`  KNOWN ${id}: ${reason}`)
  return failed.length === 0
}
