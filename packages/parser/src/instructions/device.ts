import type { RunDevice } from '../ast.js'
import { withSuggestion } from '../suggest.js'
import { invalid } from './checks.js'
import { csvFields, splitField } from './csv.js'
import { parseBoolean } from './flags.js'

/** Reads `RUN --device=`: a CDI device name, bare or as `name=`, and `required`.
 * @throws {ParseError} `INSTRUCTION_INVALID` */
export function parseDevice(text: string): RunDevice {
  let name = ''
  let required = false
  for (const field of csvFields(text)) {
    const { key, value } = splitField(field)
    if (key === 'required') required = value === undefined ? true : requiredValue(value)
    else if (key === 'name' && value !== undefined) {
      if (name !== '') invalid(`device name already set to ${name}`)
      name = value
    } else if (name === '') name = field
    else if (value === undefined) invalid(`invalid field '${field}' must be a key=value pair`)
    else invalid(withSuggestion(`unexpected key '${key}' in '${field}'`, key, ['name', 'required']))
  }
  return { name, required }
}

function requiredValue(value: string): boolean {
  return parseBoolean(value) ?? invalid(`invalid value for required: ${value}`)
}
