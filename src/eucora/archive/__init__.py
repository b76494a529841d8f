"""The normalised truth: shapes, hot rows in windows of arrival, and one query over them."""
