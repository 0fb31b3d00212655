export { type ExportMountOptions, exportMount } from './export-mount.js'
export { importMount } from './import-mount.js'
export { type MountExport, readMountExports } from './mount-export.js'
