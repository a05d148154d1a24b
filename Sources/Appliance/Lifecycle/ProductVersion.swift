// The version of the product, as CHANGELOG.md names it.

package enum ProductVersion {
    package static let text = "0.1.0"
}
