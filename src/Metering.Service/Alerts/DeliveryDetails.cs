using System.Text.Json;

namespace Metering.Service.Alerts;

/// <summary>A delivery with its attempts, oldest first, and the event.</summary>
internal sealed record DeliveryDetails(DeliveryView Delivery, IReadOnlyList<DeliveryAttempt> Attempts, JsonElement Event);
