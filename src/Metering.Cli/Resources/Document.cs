using System.Text.Json.Nodes;

namespace Metering.Cli.Resources;

/// <summary>One thing that a file describes.</summary>
/// <param name="Where">Its place, such as <c>tenants[0] (acme)</c>, for messages.</param>
/// <param name="Id">What it is called in messages.</param>
/// <param name="Path">Where it is PUT and read.</param>
/// <param name="Key">What it is called in the API: a tenant, the number of a version.</param>
internal sealed record Document(string Where, string Id, string Path, JsonObject Body, string Key = "");
