export type { FileEngine } from './engine.js'
export type { CopyRequest, FileSource } from './request.js'
