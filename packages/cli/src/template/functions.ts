/** Go's `%v`: lists in brackets, maps with sorted keys. */
export function formatValue(value: unknown): string {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map((item) => (item === null ? '<nil>' : formatValue(item))).join(' ')}]`
  if (typeof value !== 'object') return String(value)
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `map[${members.map(([key, member]) => `${key}:${member === null ? '<nil>' : formatValue(member)}`).join(' ')}]`
}

/** Go's truth: zero values and empty collections are false. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}

type TemplateFunction = (...args: readonly unknown[]) => unknown

const compare = (a: unknown, b: unknown) =>
  typeof a === 'number' && typeof b === 'number' ? a - b : order(String(a), String(b))
const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** What a template may call: Go's own functions and those that Docker adds. An exception's message is shown to the user. */
export const functions: Readonly<Record<string, TemplateFunction>> = {
  and: (...args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  not: (value) => !isTrue(value),
  eq: (first, ...rest) => rest.some((other) => compare(first, other) === 0),
  ne: (a, b) => compare(a, b) !== 0,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  len: (value) => (typeof value === 'string' ? Buffer.byteLength(value) : Object.keys(Object(value)).length),
  index: (value, ...keys) => keys.reduce((inner, key) => indexed(inner, key), value),
  json: (value) => JSON.stringify(value ?? null),
  print: (...args) => args.map(formatValue).join(' '),
  println: (...args) => `${args.map(formatValue).join(' ')}\n`,
  printf: (format, ...args) => printf(String(format), args),
  join: (items, separator) =>
    list(items)
      .map(formatValue)
      .join(String(separator ?? '')),
  split: (text, separator) => String(text).split(String(separator)),
  lower: (text) => String(text).toLowerCase(),
  upper: (text) => String(text).toUpperCase(),
  title: (text) => String(text).replace(/(^|\s)\S/g, (match) => match.toUpperCase()),
  truncate: (text, length) => [...String(text)].slice(0, Number(length)).join(''),
  pad: (text, before, after) => ' '.repeat(Number(before)) + String(text) + ' '.repeat(Number(after)),
}

function indexed(value: unknown, key: unknown): unknown {
  if (!Array.isArray(value)) return Object(value)[String(key)]
  const position = Number(key)
  if (!(position >= 0 && position < value.length)) throw new Error(`index ${String(key)} is out of range`)
  return value[position]
}

function printf(format: string, args: readonly unknown[]): string {
  let next = 0
  return format.replace(/%(-?)(\d*)(?:\.(\d+))?([%a-zA-Z])/g, (_, left, width, digits, verb) => {
    if (verb === '%') return '%'
    const text = formatVerb(verb, args[next++], digits)
    return left === '' ? text.padStart(Number(width)) : text.padEnd(Number(width))
  })
}

function formatVerb(verb: string, value: unknown, digits: string | undefined): string {
  switch (verb) {
    case 's':
    case 'v':
      return formatValue(value)
    case 'd':
      return String(Math.trunc(Number(value)))
    case 'f':
      return Number(value).toFixed(Number(digits ?? 6))
    case 'q':
      return JSON.stringify(formatValue(value))
    case 't':
      return String(isTrue(value))
    case 'x':
      return typeof value === 'number' ? value.toString(16) : Buffer.from(String(value)).toString('hex')
    default:
      throw new Error(`printf has no verb %${verb}`)
  }
}
