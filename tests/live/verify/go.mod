module eucora.invalid/verify

go 1.21
