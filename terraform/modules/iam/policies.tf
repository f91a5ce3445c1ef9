# What each workload calls. The calls are those of connectors/kinesis, connectors/s3 and connectors/opensearch, and of
# airflow/archive_jobs/bucket.py; whoever adds one there adds it here.

locals {
  via    = { for service in ["kinesis", "s3", "secretsmanager"] : service => { StringEquals = { "kms:ViaService" = "${service}.${var.region}.amazonaws.com" } } }
  bucket = { for prefix in ["archive", "dead-letters", "replayed", "check", "quality", "rollups"] : prefix => "${var.bucket_arn}/${var.key_prefix}${prefix}/*" }

  policies = {
    dataflow         = concat(local.read_the_stream, local.keep_objects, local.index_documents)
    fluent-bit       = local.write_the_stream
    archive-jobs     = concat(local.look_back, local.compact)
    external-secrets = local.read_secrets
  }

  read_the_stream = [
    {
      Sid      = "ReadTheStream"
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]
      Resource = [var.stream_arn]
    },
    {
      Sid       = "DecryptTheStream"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.stream_key_arn]
      Condition = local.via.kinesis
    },
  ]

  keep_objects = [
    {
      # Multipart uploads are PutObject too. `replayed/` holds the marks of `cali replay`, `check/` one object of `cali check`.
      Sid      = "WriteObjects"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:AbortMultipartUpload"]
      Resource = [local.bucket.archive, local.bucket["dead-letters"], local.bucket.replayed, local.bucket.check]
    },
    {
      Sid      = "DeleteWhatTheCheckWrote"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject"]
      Resource = [local.bucket.check]
    },
    {
      # `cali replay`, and the question after a crash whether a spooled file is up.
      Sid      = "ReadBack"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [local.bucket.archive, local.bucket["dead-letters"], local.bucket.replayed]
    },
    {
      Sid      = "ListWhatIsReadBack"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [var.bucket_arn]
      # IfExists: whether a missing object is a 404 (listing allowed) or a 403 is asked without a prefix, and by the 404 CALI
      # knows that a spool file is lost. The price: names may also be listed without a prefix, in CALI's own bucket.
      Condition = { StringLikeIfExists = { "s3:prefix" = [for prefix in ["archive/", "dead-letters/", "replayed/"] : "${var.key_prefix}${prefix}*"] } }
    },
    {
      # S3 decrypts the parts of a multipart upload to join them.
      Sid       = "EncryptObjects"
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
      Resource  = [var.bucket_key_arn]
      Condition = local.via.s3
    },
  ]

  # Paths of the domain; what may be done with which index is fine-grained access control's (module opensearch).
  index_documents = var.domain_arn == null ? [] : [
    {
      Sid      = "Version"
      Effect   = "Allow"
      Action   = ["es:ESHttpGet"]
      Resource = ["${var.domain_arn}/"]
    },
    {
      Sid      = "WriteDocuments"
      Effect   = "Allow"
      Action   = ["es:ESHttpPost"]
      Resource = ["${var.domain_arn}/_bulk"]
    },
    {
      Sid      = "KeepTemplates"
      Effect   = "Allow"
      Action   = ["es:ESHttpPut"]
      Resource = ["${var.domain_arn}/_index_template/${var.index_prefix}-*"]
    },
    {
      Sid      = "KeepPolicies"
      Effect   = "Allow"
      Action   = ["es:ESHttpGet", "es:ESHttpPut"]
      Resource = ["${var.domain_arn}/_plugins/_ism/policies/${var.index_prefix}-*"]
    },
    {
      # `cali why`, and the incidents that explanations look up.
      Sid      = "Search"
      Effect   = "Allow"
      Action   = ["es:ESHttpGet", "es:ESHttpPost"]
      Resource = ["${var.domain_arn}/${var.index_prefix}-*/_search", "${var.domain_arn}/${var.index_prefix}-*/_refresh"]
    },
    {
      Sid      = "Scroll"
      Effect   = "Allow"
      Action   = ["es:ESHttpPost", "es:ESHttpDelete"]
      Resource = ["${var.domain_arn}/_search/scroll"]
    },
  ]

  write_the_stream = [
    {
      Sid      = "WriteTheStream"
      Effect   = "Allow"
      Action   = ["kinesis:PutRecords"]
      Resource = [var.stream_arn]
    },
    {
      Sid       = "EncryptRecords"
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKey"]
      Resource  = [var.stream_key_arn]
      Condition = local.via.kinesis
    },
  ]

  look_back = [
    {
      Sid      = "ReadObjects"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [for prefix in ["archive", "dead-letters", "quality", "rollups"] : local.bucket[prefix]]
    },
    {
      Sid      = "ListObjects"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [var.bucket_arn]
      # IfExists as above: an hour of the week before that was not checked is a 404, not a refusal.
      Condition = { StringLikeIfExists = { "s3:prefix" = [for prefix in ["archive/", "dead-letters/", "quality/", "rollups/"] : "${var.key_prefix}${prefix}*"] } }
    },
    {
      Sid      = "WriteResults"
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = [local.bucket.quality, local.bucket.rollups]
    },
    {
      Sid       = "DecryptAndEncryptObjects"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [var.bucket_key_arn]
      Condition = local.via.s3
    },
  ]

  # Merged objects in, their parts out. Versions stay: s3:DeleteObjectVersion is nobody's.
  compact = [
    {
      Sid      = "MergeArchiveObjects"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:DeleteObject"]
      Resource = [local.bucket.archive]
    },
  ]

  read_secrets = [
    {
      Sid      = "ReadSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
      Resource = values(var.secret_arns)
    },
    {
      Sid       = "DecryptSecrets"
      Effect    = "Allow"
      Action    = ["kms:Decrypt"]
      Resource  = [var.secrets_key_arn]
      Condition = local.via.secretsmanager
    },
  ]
}
