import type { DownloadTool } from './tool.ts';

const chromium = { apt: 'chromium', apk: 'chromium', dnf: 'chromium' };
const chromiumDriver = { apt: 'chromium-driver', apk: 'chromium-chromedriver', dnf: 'chromedriver' };

/** Browsers, their drivers, and programs that render pages. */
export const browsers: readonly DownloadTool[] = [
  {
    tool: 'google chrome',
    urls: [
      'dl.google.com/linux/direct/google-chrome-{stable|beta|unstable}_current_{arch}.deb',
      '{dl.google.com|dl-ssl.google.com|mirror.cs.uchicago.edu}/linux/chrome/deb/pool/main/g/google-chrome-{stable|beta|unstable}/google-chrome-{stable|beta|unstable}_{v}_{arch}.deb',
    ],
    arch: 'amd64 - - -',
    fallback: chromium,
    from: 'jessfraz/dockerfiles:chrome/stable/Dockerfile',
  },
  {
    tool: 'google chrome',
    urls: 'dl.google.com/linux/direct/google-chrome-{stable|beta|unstable}_current_{arch}.rpm',
    arch: 'x86_64 - - -',
    fallback: chromium,
    from: 'general knowledge: google.com/chrome',
  },
  {
    tool: 'chromedriver',
    urls: [
      'chromedriver.storage.googleapis.com/{v}/chromedriver_{arch}.zip',
      '{npm.taobao.org|npmmirror.com|cdn.npmmirror.com}/{mirrors/chromedriver|binaries/chromedriver}/{v}/chromedriver_{arch}.zip',
    ],
    arch: 'linux64 - - -',
    fallback: chromiumDriver,
    from: 'general knowledge: chromedriver.chromium.org: Downloads',
  },
  {
    tool: 'chrome for testing',
    urls: [
      'storage.googleapis.com/chrome-for-testing-public/{v}/{arch}/{chrome|chromedriver|chrome-headless-shell}-{arch}.zip',
      'edgedl.me.gvt1.com/edgedl/chrome/chrome-for-testing/{v}/{arch}/{chrome|chromedriver|chrome-headless-shell}-{arch}.zip',
    ],
    arch: [
      ['<151', 'linux64 - - -'],
      ['>=151', 'linux64 ? - -'],
    ],
    fallback: { apt: 'chromium chromium-driver', apk: 'chromium chromium-chromedriver' },
    from: 'general knowledge: GoogleChromeLabs/chrome-for-testing:README.md',
  },
  {
    tool: 'geckodriver',
    github: 'mozilla/geckodriver',
    files: 'geckodriver-v{v}-{arch}.tar.gz',
    arch: [
      ['<0.24', 'linux64 - arm7hf -'],
      ['>=0.24 <0.32', 'linux64 - - -'],
      ['>=0.32', 'linux64 linux-aarch64 - -'],
    ],
    fallback: { apt: 'firefox-esr', apk: 'geckodriver' },
    from: 'mozilla/geckodriver:CHANGES.md',
  },
  {
    tool: 'firefox',
    urls: [
      'download.mozilla.org/?os={arch}',
      'ftp.mozilla.org/pub/firefox/releases/{v}/{arch2}/{*}/firefox-{v}.tar.{bz2|xz}',
      'download-installer.cdn.mozilla.net/pub/firefox/releases/{v}/{arch2}/{*}/firefox-{v}.tar.{bz2|xz}',
    ],
    arch: [
      ['<136', 'linux64,linux-x86_64 - - -'],
      ['>=136', 'linux64,linux-x86_64 linux64-aarch64,linux-aarch64 - -'],
    ],
    fallback: { apt: 'firefox-esr', apk: 'firefox', dnf: 'firefox' },
    named: false,
    from: 'general knowledge: mozilla.org: Firefox 136 release notes',
  },
  {
    tool: 'phantomjs',
    urls: [
      'bitbucket.org/ariya/phantomjs/downloads/phantomjs-{v}-linux-{arch}.tar.bz2',
      '{cnpmjs.org|npm.taobao.org|npmmirror.com}/{downloads|mirrors/phantomjs|dist/phantomjs}/phantomjs-{v}-linux-{arch}.tar.bz2',
    ],
    github: 'Medium/phantomjs',
    files: 'phantomjs-{v}-linux-{arch}.tar.bz2',
    arch: 'x86_64 - - -',
    fallback: { apt: 'phantomjs (up to Debian 11)', note: 'abandoned: chromium --headless takes its place' },
    from: 'general knowledge: phantomjs.org: Download',
  },
  {
    tool: 'wkhtmltopdf',
    github: 'wkhtmltopdf/packaging',
    files: ['wkhtmltox_{v}.{bionic|focal|jammy|buster|bullseye|bookworm|stretch|xenial}_{arch}.deb'],
    arch: 'amd64 arm64 ? -',
    fallback: { apt: 'wkhtmltopdf', apk: 'wkhtmltopdf (up to 3.14)' },
    from: 'wkhtmltopdf/packaging:build.yml, frappe/frappe_docker:images/production/Containerfile',
  },
  {
    tool: 'wkhtmltopdf',
    github: ['wkhtmltopdf/wkhtmltopdf', 'wkhtmltopdf/obsolete-downloads'],
    files: [
      'wkhtmltox-{v}_linux-generic-{arch}.tar.xz',
      'wkhtmltox-{v}_linux-{*}-{arch}.deb',
      'wkhtmltox_{v}.{trusty|jessie|wheezy|precise}_{arch}.deb',
    ],
    urls: [
      'download.gna.org/wkhtmltopdf/{*}/{*}/wkhtmltox-{v}_linux-generic-{arch}.tar.xz',
      'downloads.wkhtmltopdf.org/{*}/{*}/wkhtmltox_{v}.{trusty|jessie|stretch|bionic|xenial}_{arch}.deb',
    ],
    arch: 'amd64 - - -',
    fallback: { apt: 'wkhtmltopdf' },
    from: 'general knowledge: wkhtmltopdf/wkhtmltopdf releases',
  },
  {
    tool: 'selenium, selenoid',
    github: ['aerokube/selenoid', 'aerokube/cm', 'aerokube/ggr'],
    files: '{selenoid|cm|ggr}_linux_{arch}',
    arch: 'amd64 arm64 - -',
    from: 'aerokube/selenoid:ci/build.sh',
  },
  {
    tool: 'opera driver',
    github: 'operasoftware/operachromiumdriver',
    files: 'operadriver_{arch}.zip',
    arch: 'linux64 - - -',
    from: 'general knowledge: operasoftware/operachromiumdriver releases',
  },
  {
    tool: 'microsoft edge',
    urls: [
      'general knowledge: packages.microsoft.com/repos/edge/pool/main/m/{*}/microsoft-edge-{stable|beta|dev}_{v}_{arch}.deb',
      'msedgedriver.{azureedge.net|microsoft.com}/{v}/edgedriver_{arch}.zip',
    ],
    arch: [
      ['', 'amd64 - - -'],
      ['', 'linux64 - - -'],
    ],
    fallback: chromium,
    named: false,
    from: 'general knowledge: packages.microsoft.com/repos/edge',
  },
];
