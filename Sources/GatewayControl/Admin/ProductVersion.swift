/// The version of the product, in one place.
package enum ProductVersion {
    package static let text = "0.1.0"
}
