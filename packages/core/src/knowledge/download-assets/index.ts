import { balena } from './balena.ts';
import { blockchain } from './blockchain.ts';
import { browsers } from './browsers.ts';
import { buildTools } from './build-tools.ts';
import { ciAgents } from './ci-agents.ts';
import { cliTools } from './cli-tools.ts';
import { cloudTools } from './cloud-tools.ts';
import { clusterTools } from './cluster-tools.ts';
import { containers } from './containers.ts';
import { dataAndScience } from './data-and-science.ts';
import { deployment } from './deployment.ts';
import { distributions } from './distributions.ts';
import { homeAndGames } from './home-and-games.ts';
import { initHelpers } from './init-helpers.ts';
import { languageRuntimes } from './language-runtimes.ts';
import { media } from './media.ts';
import { monitoring } from './monitoring.ts';
import { network } from './network.ts';
import type { DownloadTool } from './tool.ts';
import { tunnels } from './tunnels.ts';

/** Every tool whose downloads are known. */
export const downloadTools: readonly DownloadTool[] = [
  ...initHelpers,
  ...languageRuntimes,
  ...containers,
  ...clusterTools,
  ...cloudTools,
  ...monitoring,
  ...network,
  ...media,
  ...blockchain,
  ...ciAgents,
  ...buildTools,
  ...cliTools,
  ...dataAndScience,
  ...browsers,
  ...distributions,
  ...tunnels,
  ...homeAndGames,
  ...deployment,
  ...balena,
];
