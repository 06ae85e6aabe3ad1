using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Metering.Safety;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Metering.Cli.Resources;

/// <summary>
/// YAML as JSON: plain scalars become numbers, booleans and null as in YAML's JSON schema, everything else stays text.
/// Numbers keep their digits (<c>1.20</c> stays <c>1.20</c>), so that prices are exact and a name that looks like a number can be read back.
/// </summary>
internal static partial class YamlJson
{
    private const int MaxNodes = 200_000;

    /// <summary>Throws <see cref="UserErrorException"/> with file, line and column when it is no YAML.</summary>
    public static JsonNode? Read(string text, string file) => Read(text, file, out _);

    /// <param name="lines">The line of every value, by its path, such as <c>prices[0].unit</c>.</param>
    public static JsonNode? Read(string text, string file, out YamlLines lines)
    {
        lines = new YamlLines();
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            throw new UserErrorException($"{file}:{e.Start.Line}:{e.Start.Column}: this is no YAML: {e.InnerException?.Message ?? e.Message}", inner: e);
        }

        if (stream.Documents.Count > 1) throw new UserErrorException($"{file} has {stream.Documents.Count} YAML documents; put them into one file each.");
        var budget = MaxNodes;
        return stream.Documents.Count == 0 ? null : Convert(stream.Documents[0].RootNode, file, "", lines, ref budget);
    }

    // An alias stands for the whole node again, so a small file can be a huge document: the number of nodes made is bounded.
    private static JsonNode? Convert(YamlNode node, string file, string path, YamlLines lines, ref int budget)
    {
        if (--budget < 0) throw new UserErrorException($"{file} has more than {MaxNodes} values; split it.");
        switch (node)
        {
            case YamlMappingNode mapping:
                var result = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name }) throw new UserErrorException($"{file}:{key.Start.Line}: a key must be a text.");
                    var inner = path.Length == 0 ? name : $"{path}.{name}";
                    lines.Add(inner, key.Start.Line);
                    result[name] = Convert(value, file, inner, lines, ref budget);
                }

                return result;
            case YamlSequenceNode sequence:
                var list = new JsonArray();
                for (var i = 0; i < sequence.Children.Count; i++)
                {
                    var inner = $"{path}[{i}]";
                    lines.Add(inner, sequence.Children[i].Start.Line);
                    list.Add(Convert(sequence.Children[i], file, inner, lines, ref budget));
                }

                return list;
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new UserErrorException($"{file}:{node.Start.Line}: {node.NodeType} can not be read here.");
        }
    }

    private static JsonNode? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style != ScalarStyle.Plain) return JsonValue.Create(text);
        return text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" => JsonValue.Create(true),
            "false" or "False" or "FALSE" => JsonValue.Create(false),
            _ => Number().IsMatch(text) ? JsonNode.Parse(text) : JsonValue.Create(text),
        };
    }

    // As JSON writes numbers: 007 and 1_000 are texts.
    [GeneratedRegex(@"^-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?$", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
