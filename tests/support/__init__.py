"""What tests share: bundles without training, servers, browsers, databases."""
