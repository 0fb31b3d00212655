import { readFileSync } from 'node:fs'
import { errnoOf, StoreError, storeError } from '../errors.js'
import { writeAsideSync } from './write-aside.js'

/** What this program writes. Raised whenever an older program would misread a root folder. */
export const formatNumber = 1

/** The format of a root folder; `undefined` where there is none yet.
 * @throws {StoreError} `FORMAT_TOO_NEW`, `ROOT_UNUSABLE` */
export function checkFormat(path: string): number | undefined {
  const format = readFormat(path)
  if (format === undefined || format <= formatNumber) return format
  throw new StoreError(
    'FORMAT_TOO_NEW',
    `Cannot open root folder "${path}": its format is ${format}, and this version knows up to ${formatNumber}`,
    { hint: 'Use the newer tsbuild that wrote it, or another folder with --root' },
  )
}

export function writeFormat(path: string): void {
  writeAsideSync(path, `${JSON.stringify({ format: formatNumber })}\n`)
}

function readFormat(path: string): number | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw errnoOf(error) === 'ENOTDIR'
      ? new StoreError('ROOT_UNUSABLE', `Cannot open root folder "${path}": a file is in the way`, { cause: error })
      : storeError(error, `read format of root folder "${path}"`)
  }
  try {
    const { format } = JSON.parse(text) as { format?: unknown }
    if (typeof format === 'number' && Number.isSafeInteger(format) && format > 0) return format
  } catch {
    // Said below: the file is no JSON or has no format number.
  }
  throw new StoreError('ROOT_UNUSABLE', `Cannot open root folder "${path}": its format file is damaged`, {
    hint: 'Is this the folder of another program? Choose another one with --root',
  })
}
