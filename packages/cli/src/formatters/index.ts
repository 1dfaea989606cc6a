export { buildDocument, formatBuild, writeBuildFiles } from './build.ts';
export { formatDoctor } from './doctor.ts';
export { formatError, formatErrorJson, formatLocation } from './error.ts';
export {
  countFindings,
  type FileFindings,
  findingsDocument,
  formatFinding,
  formatFindings,
} from './findings.ts';
export { formatInspect } from './inspect.ts';
export { formatMigration, migrationDocument } from './migration.ts';
export { type Paint, paintFor } from './paint.ts';
export { formatPlan, planDocument } from './plan.ts';
export { table } from './table.ts';
export { formatVerify, verifyDocument } from './verify.ts';
