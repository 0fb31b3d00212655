const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** A size in decimal units with `digits` significant digits, as Docker shows it: `117MB`, `1.24kB`. */
export function formatSize(bytes: number, digits = 3): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  let text = value.toPrecision(digits)
  if (Number(text) >= 1000 && unit < units.length - 1) {
    text = '1'
    unit++
  }
  return `${Number(text)}${units[unit]}`
}

/** A transfer's size with two decimals: `12.30MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.995 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(2)}${units[unit]}`
}

/** Reads `64m`, `1g`, `512k`, `1024b` or plain bytes; units are binary, as Docker reads them. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim())
  if (match === null) return undefined
  const power = ['', 'k', 'm', 'g', 't', 'p'].indexOf((match[2] ?? '').toLowerCase())
  return Math.floor(Number(match[1]) * 1024 ** power)
}
