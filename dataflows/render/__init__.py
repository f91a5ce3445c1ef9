"""Pure views: an alert or a record becomes the payload a connector sends."""
