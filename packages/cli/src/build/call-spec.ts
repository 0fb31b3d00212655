import { parseCsv } from '../csv.js'
import { badFlag } from '../errors.js'

/** What `build` does instead of building. */
export type CallMethod = 'build' | 'check' | 'outline' | 'targets'

export interface CallSpec {
  readonly method: CallMethod
  readonly json: boolean
  /** Exit with 0 also where the checks found something. */
  readonly ignoreStatus: boolean
}

const methods: Readonly<Record<string, CallMethod>> = {
  build: 'build',
  check: 'check',
  lint: 'check',
  outline: 'outline',
  targets: 'targets',
}

/** Reads `--call`: a method, `format=json|text` and `ignorestatus`, separated by commas; without a method it is `build`.
 * @throws {CliError} `ARGUMENT_INVALID` */
export function parseCall(text: string): CallSpec {
  const fields = parseCsv(text)
  if (fields === undefined) throw badFlag('--call', text, 'a quote is not closed')
  let spec: CallSpec = { method: 'build', json: false, ignoreStatus: false }
  for (const field of fields) {
    const [name = '', value] = field.split(/=(.*)/s)
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (value === undefined && method !== undefined) spec = { ...spec, method }
    else if (name === 'format' && (value === 'json' || value === 'text')) spec = { ...spec, json: value === 'json' }
    else if (name === 'ignorestatus' && (value === undefined || value === 'true' || value === 'false'))
      spec = { ...spec, ignoreStatus: value !== 'false' }
    else
      throw badFlag('--call', text, `"${field}" is not known`, 'Use build, check, outline or targets, and format=json')
  }
  return spec
}
