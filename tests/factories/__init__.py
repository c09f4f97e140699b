"""Valid minimum rows for tests, one module an app. Each function enters its merchant's scope by itself."""
