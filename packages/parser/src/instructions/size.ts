const factors: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 }

/** Bytes of a size as Docker writes memory sizes: `64m`, `1.5GiB`, `512 kb`, `1024`; units count in 1024s. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|\.\d+) ?([kmgtp]?)(?:i?b)?$/i.exec(text)
  if (match === null) return undefined
  const [, count = '', unit = ''] = match
  const bytes = Math.trunc(Number(count) * (factors[unit.toLowerCase()] as number))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
