"""Static files under names that hold their content's hash, in modules' imports, too."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Rewrites `import … from` in scripts, so that browsers may keep every file for ever."""

    support_js_module_import_aggregation = True
