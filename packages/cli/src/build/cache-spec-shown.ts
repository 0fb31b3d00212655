/** Members of a cache's place whose values are nobody's secret. */
const shownKeys = new Set([
  'type',
  'ref',
  'src',
  'dest',
  'tag',
  'digest',
  'mode',
  'compression',
  'compression-level',
  'force-compression',
  'ignore-error',
  'required',
  'oci-mediatypes',
  'image-manifest',
  'bucket',
  'region',
  'endpoint_url',
  'prefix',
  'blobs_prefix',
  'manifests_prefix',
  'name',
  'use_path_style',
  'touch_refresh',
])

/** The fields as messages may quote them: values of keys that are secret, or unknown (a misspelt `secret_access_key`), are left out, and
 * words behind such a one, which may be the rest of it. */
export function showCacheFields(fields: readonly string[]): string[] {
  let hidden = false
  return fields.map((field) => {
    const [, key = '', value] = /^([^=]*)=(.*)$/s.exec(field) ?? []
    if (value === undefined) return hidden ? '***' : field
    if (shownKeys.has(key.trim().toLowerCase())) return `${key}=${value.replace(/\/\/[^/]*@/, '//***@')}`
    hidden = true
    return `${key}=***`
  })
}

/** The same for a text whose quotes do not match up, so that nobody can tell where a value ends: it is cut off. */
export function showCacheText(text: string): string {
  const fields = text.replaceAll('"', '').split(',')
  const shown = showCacheFields(fields)
  const first = shown.findIndex((field, index) => field !== fields[index])
  return first < 0 ? text : `${shown.slice(0, first + 1).join()}…`
}
