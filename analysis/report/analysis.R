# Re-checks the report's main figures in R, from the files beside this script.
#
#   cd exports && Rscript analysis.R
#
# Each part runs where its table is there and its package installed: install.packages(c("iMRMC", "MRMCaov", "lme4")).
# Truth 1 is synthetic, and a higher rating is surer of it. Where raters gave plain answers only,
# the rating is 1 for "synthetic" and 0 for "real", and an area is a balanced accuracy.
# Areas have jackknife covariances here and DeLong's in the report, which differ in the third digit.

part <- function(title, package, work) {
  cat("\n==", title, "==\n")
  if (!requireNamespace(package, quietly = TRUE)) {
    cat("install.packages(\"", package, "\") to run this part\n", sep = "")
    return(invisible())
  }
  tryCatch(work(), error = function(e) cat("not estimable:", conditionMessage(e), "\n"))
}

ids <- c("readerID", "caseID", "modalityID")
treatments <- c("reader", "treatment", "case")
read <- function(file, names) {
  data <- read.csv(file, colClasses = setNames(rep("character", length(names)), names))
  data[names] <- lapply(data[names], factor)
  data
}

# U-statistics of Gallas: one modality, then generators compared.
for (file in c("imrmc.csv", "imrmc_generators.csv")) if (file.exists(file)) {
  part(paste("iMRMC,", file), "iMRMC", function() {
    result <- iMRMC::doIMRMC(read(file, ids))
    print(result$Ustat)
  })
}

# Obuchowski and Rockette's analysis of one treatment, raters and images random, by hand: MRMCaov
# compares treatments and takes no fewer than two. Limits of shares are those of their logits.
one_treatment <- function(data, metric, share = FALSE) {
  value <- function(rows) sapply(split(rows, rows$reader), metric)
  theta <- value(data)
  cases <- levels(data$case)
  n <- length(cases)
  left_out <- sapply(cases, function(case) value(data[data$case != case, ]))
  covariance <- (n - 1)^2 / n * cov(t(left_out))
  r <- length(theta)
  ms <- var(theta)
  cov2 <- mean(covariance[upper.tri(covariance)])
  total <- ms + max(r * cov2, 0)
  se <- sqrt(total / r)
  df <- total^2 / (ms^2 / (r - 1))
  mean <- mean(theta)
  half <- qt(0.975, df) * se
  limits <- if (share) plogis(qlogis(mean) + c(-1, 1) * half / (mean * (1 - mean)))
            else mean + c(-1, 1) * half
  round(c(mean = mean, se = se, df = df, low = limits[1], high = limits[2]), 6)
}
area <- function(rows) {
  gap <- outer(rows$rating[rows$truth == 1], rows$rating[rows$truth == 0], "-")
  mean((gap > 0) + 0.5 * (gap == 0))
}
if (file.exists("mrmcaov.csv")) {
  part("Obuchowski-Rockette, one treatment", "stats", function() {
    data <- read("mrmcaov.csv", treatments)
    if (nlevels(data$reader) < 2) stop("one rater")
    cat("area under the ROC curve\n")
    print(one_treatment(data, area))
    told <- droplevels(data[data$truth == 1 & !is.na(data$answer), ])
    if (nrow(told)) {
      cat("deception rate\n")
      print(one_treatment(told, function(rows) mean(rows$answer == 0), share = TRUE))
    }
  })
}
if (file.exists("mrmcaov_generators.csv")) {
  part("MRMCaov, generators compared", "MRMCaov", function() {
    suppressMessages(library(MRMCaov))
    data <- read("mrmcaov_generators.csv", treatments)
    print(summary(mrmc(empirical_auc(truth, rating), treatment, reader, case, data = data)))
    if (all(!is.na(data$answer)))
      print(summary(mrmc(binary_sens(truth, answer), treatment, reader, case, data = data)))
  })
}

# The report's crossed mixed model: raters differ in how they answer and in how they tell origin,
# images differ. With probit the coefficient of origin alone would be d'.
if (file.exists("lme4.csv")) part("lme4", "lme4", function() {
  data <- read("lme4.csv", c("reader", "image", "entity"))
  data$origin <- data$synthetic - 0.5
  # Real images have no generator: they are coded as the first one's, and origin sets them apart.
  makers <- sort(unique(data$generator[data$synthetic == 1]))
  data$generator <- factor(ifelse(data$synthetic == 1, data$generator, makers[1]))
  fixed <- c("origin", "generator", "entity")
  fixed <- fixed[sapply(data[fixed], function(column) length(unique(column)) > 1)]
  slope <- if ("origin" %in% fixed) "(0 + origin | reader)"
  formula <- reformulate(c(fixed, "(1 | reader)", slope, "(1 | image)"), "judged_synthetic")
  print(summary(lme4::glmer(formula, data = data, family = binomial)))
})
